// Prints, for each profile whose name is an argument after the STS endpoint, how
// the SDK reads it and who its credentials belong to.
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromIni } from "@aws-sdk/credential-providers";
import { loadSharedConfigFiles } from "@smithy/core/config";

const [endpoint, ...names] = process.argv.slice(2);
const { configFile } = await loadSharedConfigFiles();
const read = {};
for (const name of names) {
  const { credential_process, region } = configFile[name];
  const sts = new STSClient({ endpoint, region, credentials: fromIni({ profile: name }) });
  read[name] = [credential_process, region, (await sts.send(new GetCallerIdentityCommand({}))).Arn];
}
console.log(JSON.stringify(read));
