// Opens a push with another implementation of RFC 8188 and RFC 8291 than ours. JSON in on standard input, the plaintext
// out on standard output.
import { createECDH } from "node:crypto";
import { readFileSync } from "node:fs";
import ece from "http_ece";

const { body, privateKey, auth } = JSON.parse(readFileSync(0, "utf8"));
const receiver = createECDH("prime256v1");
receiver.setPrivateKey(Buffer.from(privateKey, "base64url"));
const opened = ece.decrypt(Buffer.from(body, "base64url"), {
  version: "aes128gcm",
  privateKey: receiver,
  authSecret: auth,
});
process.stdout.write(opened);
