// The page, again and again, with the check that our worker makes.
import http from "k6/http";
import { check } from "k6";

export const options = { insecureSkipTLSVerify: true };

export default function () {
  check(http.get(`${__ENV.URL}/`), { "status is 200": (answer) => answer.status === 200 });
}
