// Prints who the credentials belong to that the default chain of aws-crt finds, or,
// without the URL of a service, their access key.
import { createHash } from "node:crypto";
import crt from "aws-crt";

const { auth, http, io } = crt;
const url = new URL(process.argv[2] ?? "https://sts.amazonaws.com");
const body = "Action=GetCallerIdentity&Version=2011-06-15";
const request = new http.HttpRequest("POST", "/", new http.HttpHeaders([["host", url.host], ["content-type", "application/x-www-form-urlencoded"]]));
const signed = await auth.aws_sign_request(request, {
  algorithm: auth.AwsSigningAlgorithm.SigV4,
  signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
  provider: auth.AwsCredentialsProvider.newDefault(),
  region: "us-east-1",
  service: "sts",
  date: new Date(),
  signed_body_value: createHash("sha256").update(body).digest("hex"),
});
const headers = Object.fromEntries([...signed.headers].filter(([name]) => name !== "host"));
if (process.argv[2]) {
  const answer = await fetch(url, { method: "POST", headers, body });
  console.log(await answer.text());
} else {
  console.log(headers.Authorization.match(/Credential=([^/]+)/)[1]);
}
