// A token, and an order with it.
import http from "k6/http";
import { check } from "k6";

export const options = { insecureSkipTLSVerify: true };

export default function () {
  const answer = http.get(`${__ENV.URL}/token`);
  check(answer, { "status is 200": (answer) => answer.status === 200 });
  const order = JSON.stringify({ token: answer.json("token"), items: [1, 2, 3] });
  const accepted = http.post(`${__ENV.URL}/orders`, order, { headers: { "Content-Type": "application/json" } });
  check(accepted, { "status is 201": (answer) => answer.status === 201 });
}
