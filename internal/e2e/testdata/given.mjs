// Prints who the credentials belong to that are found without a profile.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const sts = new STSClient({ endpoint: process.argv[2], region: "us-east-1", credentials: fromNodeProviderChain() });
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
