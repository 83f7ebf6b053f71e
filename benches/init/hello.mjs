// The least that a function in Node can be: the Runtime API by Node's own HTTP client, and a handler that says hello.
import http from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: `/2018-06-01/runtime/${path}`, agent }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.setNoDelay(true);
    request.end(body);
  });
}

const handler = async () => ({ statusCode: 200, body: "hello" });

for (;;) {
  const next = await call("GET", "invocation/next");
  const answer = await handler(JSON.parse(next.body));
  await call("POST", `invocation/${next.headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
}
