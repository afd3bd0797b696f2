// Prints who the credentials of the profile dev belong to.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const sts = new STSClient({
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: fromNodeProviderChain({ profile: "dev" }),
});
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
