//! What the users of one thread share: connections' settings, feeds' cursors, and names that were looked up before.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use dlt_model::segment::Segment;

use super::{
    feeds::Cursor,
    label_of,
    names::{Names, Place},
    program::Scripts,
};
use crate::transport::Wire;

/// One thread's part of the program.
pub struct Desk {
    pub scripts: Arc<Scripts>,
    pub wire: Rc<Wire>,
    /// The thread's share of the rows of feeds.
    pub segment: Segment,
    pub cursors: Vec<Cursor>,
    labels: Remembered,
    metrics: Remembered,
    #[cfg(feature = "s3")]
    pub cloud: Cloud,
}

/// Names that found a place of their own, so that threads do not wait for each other.
type Remembered = RefCell<HashMap<Box<str>, usize>>;

impl Desk {
    /// The desk of a thread with this share of the rows of feeds.
    pub fn new(scripts: Arc<Scripts>, wire: Rc<Wire>, segment: Segment) -> Self {
        let cursors = scripts.feeds.iter().map(|_| Cursor::new(0)).collect();
        Self {
            scripts,
            wire,
            segment,
            cursors,
            labels: Remembered::default(),
            metrics: Remembered::default(),
            #[cfg(feature = "s3")]
            cloud: Cloud::default(),
        }
    }

    /// Where samples of this label are counted.
    pub fn label(&self, label: &str) -> usize {
        self.place(label, &self.labels, &self.scripts.names.labels)
    }

    /// Where samples of this URL are counted: under the label of the first group that it belongs to.
    pub fn label_of_url(&self, url: &str) -> usize {
        let group = self.scripts.url_groups.iter().find(|(pattern, _)| pattern.is_match(url));
        self.label(group.map_or(url, |(_, label)| label))
    }

    /// Where values of this metric are counted.
    pub fn metric(&self, name: &str) -> usize {
        self.place(name, &self.metrics, &self.scripts.names.metrics)
    }

    fn place(&self, name: &str, remembered: &Remembered, names: &Names) -> usize {
        if let Some(place) = remembered.borrow().get(name) {
            return *place;
        }
        let place = names.place(&label_of(name, &self.scripts.secrets));
        // There are as many places as the bound allows; what is longer than a name may be is never remembered.
        if let Place::Own(index) = place
            && name.len() <= super::MAX_NAME_CHARACTERS
        {
            remembered.borrow_mut().insert(name.into(), index);
        }
        place.index()
    }
}

#[cfg(feature = "s3")]
pub use cloud::Cloud;

/// The worker's own calls of AWS, made when the first user needs one.
#[cfg(feature = "s3")]
mod cloud {
    use std::cell::OnceCell;

    use crate::aws::{Client, Role};

    /// What calls AWS, and who the worker is there.
    #[derive(Default)]
    pub struct Cloud {
        client: OnceCell<Client>,
        role: OnceCell<Role>,
    }

    impl Cloud {
        /// The client, if this machine can have one.
        pub fn client(&self) -> Option<Client> {
            if let Some(client) = self.client.get() {
                return Some(client.clone());
            }
            Client::new().ok().map(|client| self.client.get_or_init(|| client).clone())
        }

        /// The worker's own role, if it has one.
        pub fn role(&self) -> Option<Role> {
            if let Some(role) = self.role.get() {
                return Some(role.clone());
            }
            Role::from_env().ok().map(|role| self.role.get_or_init(|| role).clone())
        }
    }
}
