// Prints who the credentials belong to that the default chain of version 2 of the SDK
// for JavaScript finds, or, without the URL of a service, their access key.
import aws from "aws-sdk";

const endpoint = process.argv[2];
if (endpoint) {
  const sts = new aws.STS({ endpoint, region: "us-east-1" });
  console.log((await sts.getCallerIdentity().promise()).Arn);
} else {
  console.log((await new aws.CredentialProviderChain().resolvePromise()).accessKeyId);
}
