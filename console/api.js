// Signs in with Cognito and asks the API, as any client does: a user's password becomes keys, and the keys sign each request.
// Keys stay in this tab and last an hour.

const KEPT = "dlt.keys";
const encoder = new TextEncoder();
const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async text => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));

async function hmac(key, text) {
  const bytes = typeof key === "string" ? encoder.encode(key) : key;
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, encoder.encode(text));
}

// A call of Cognito, which speaks JSON with the operation in a header.
async function cognito(settings, service, target, body) {
  const answer = await fetch(`https://${service}.${settings.region}.${suffix(settings)}/`, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.message ?? said.Message ?? `${service}: HTTP ${answer.status}`);
  return said;
}

// What AWS's own names end with where this environment is, as its API's does.
const suffix = settings => new URL(settings.apiEndpoint).host.split(".").slice(3).join(".") || "amazonaws.com";

// Signs in. Answers nothing when that is done, or what Cognito wants to know besides: { name, session }.
export async function signIn(settings, user, password, challenge, reply) {
  const pool = (operation, body) => cognito(settings, "cognito-idp", `AWSCognitoIdentityProviderService.${operation}`, body);
  const said = challenge
    ? await pool("RespondToAuthChallenge", {
      ClientId: settings.userPoolClientId, ChallengeName: challenge.name, Session: challenge.session,
      ChallengeResponses: { USERNAME: user, [challenge.name === "NEW_PASSWORD_REQUIRED" ? "NEW_PASSWORD" : "SOFTWARE_TOKEN_MFA_CODE"]: reply },
    })
    : await pool("InitiateAuth", {
      ClientId: settings.userPoolClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: user, PASSWORD: password },
    });
  if (said.ChallengeName) return { name: said.ChallengeName, session: said.Session };
  const logins = { [`cognito-idp.${settings.region}.${suffix(settings)}/${settings.userPoolId}`]: said.AuthenticationResult.IdToken };
  const identities = (operation, body) => cognito(settings, "cognito-identity", `AWSCognitoIdentityService.${operation}`, body);
  const { IdentityId } = await identities("GetId", { IdentityPoolId: settings.identityPoolId, Logins: logins });
  const { Credentials } = await identities("GetCredentialsForIdentity", { IdentityId, Logins: logins });
  sessionStorage.setItem(KEPT, JSON.stringify(Credentials));
  return null;
}

export const isSignedIn = () => sessionStorage.getItem(KEPT) !== null;
export const signOut = () => sessionStorage.removeItem(KEPT);

// What is there, or an error with the API's own words. Keys that are refused are forgotten.
export async function get(settings, path) {
  const keys = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (keys === null) throw new Error("nobody is signed in");
  const url = new URL(settings.apiEndpoint + path);
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${at.slice(0, 8)}/${settings.region}/execute-api/aws4_request`;
  const signed = "host;x-amz-date;x-amz-security-token";
  const headers = `host:${url.host}\nx-amz-date:${at}\nx-amz-security-token:${keys.SessionToken}\n`;
  const canonical = ["GET", url.pathname, url.searchParams.toString(), headers, signed, await sha256("")].join("\n");
  let key = "AWS4" + keys.SecretKey;
  for (const part of scope.split("/")) key = await hmac(key, part);
  const signature = hex(await hmac(key, ["AWS4-HMAC-SHA256", at, scope, await sha256(canonical)].join("\n")));
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.AccessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  const answer = await fetch(url, { headers: { authorization, "x-amz-date": at, "x-amz-security-token": keys.SessionToken } });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (answer.status === 403) signOut();
  throw Object.assign(new Error(said.message ?? said.Message ?? `HTTP ${answer.status}`), { status: answer.status });
}
