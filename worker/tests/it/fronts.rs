//! What stands before a server: another address, TLS, or both; it passes bytes on and notes who came.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

pub struct Front {
    pub address: SocketAddr,
    came: Arc<Mutex<Vec<IpAddr>>>,
}

impl Front {
    /// Listens on this address of the machine, on a thread of its own until the test process ends.
    pub fn start(listen: &str, tls: Option<TlsAcceptor>, target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(listen).expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let front = Self { address: listener.local_addr().expect("bound"), came: Arc::default() };
        let came = Arc::clone(&front.came);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                loop {
                    let Ok((near, peer)) = listener.accept().await else { continue };
                    came.lock().expect("no panic").push(peer.ip());
                    tokio::spawn(pass(near, tls.clone(), target));
                }
            });
        });
        front
    }

    /// Where each connection came from.
    pub fn came(&self) -> Vec<String> {
        self.came.lock().expect("no panic").iter().map(ToString::to_string).collect()
    }
}

/// Who cannot agree on TLS never gets to the server.
async fn pass(mut near: TcpStream, tls: Option<TlsAcceptor>, target: SocketAddr) {
    match tls {
        None => {
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
        Some(tls) => {
            let Ok(mut near) = tls.accept(near).await else { return };
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    }
}
