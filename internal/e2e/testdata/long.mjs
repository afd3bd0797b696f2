// Asks again and again who it is, as a server with three requests at once does, for
// as many seconds, and prints with which key.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const sts = new STSClient({ endpoint: process.argv[2], region: "us-east-1", credentials: fromNodeProviderChain() });
const end = performance.now() + 1000 * Number(process.argv[3]);
while (performance.now() < end) {
  const callers = await Promise.all([1, 2, 3].map(() => sts.send(new GetCallerIdentityCommand({}))));
  const { accessKeyId } = await sts.config.credentials();
  for (const { Arn } of callers) console.log(Arn, accessKeyId);
  await new Promise((later) => setTimeout(later, 3000));
}
