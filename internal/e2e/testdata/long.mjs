// Asks again and again who it is, with one client, for as many seconds.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const sts = new STSClient({ endpoint: process.argv[2], region: "us-east-1", credentials: fromNodeProviderChain() });
const end = performance.now() + 1000 * Number(process.argv[3]);
while (performance.now() < end) {
  console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
  await new Promise((later) => setTimeout(later, 3000));
}
