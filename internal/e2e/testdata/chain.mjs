// Prints the access key that the default chain finds.
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

console.log((await fromNodeProviderChain({ maxRetries: 0 })()).accessKeyId);
