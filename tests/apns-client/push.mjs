// Sends pushes with node-apn, a client that others wrote, and prints what it was told as JSON:
// {"sent": [device, ...], "failed": [{device, status, reason, timestamp}, ...]}.
//
// node push.mjs HOST PORT CA TOPIC DEVICES cert CERTIFICATE KEY
// node push.mjs HOST PORT CA TOPIC DEVICES token KEY KEY_ID TEAM

import { readFileSync } from "node:fs";
import apn from "@parse/node-apn";

const [host, port, ca, topic, devices, mode, key, ...rest] = process.argv.slice(2);
const credentials =
    mode === "token"
        ? { token: { key, keyId: rest[0], teamId: rest[1] } }
        : { cert: readFileSync(key), key: readFileSync(rest[0]) };
const provider = new apn.Provider({
    ...credentials,
    address: host,
    port: Number(port),
    ca: [readFileSync(ca)],
    production: true,
    connectionRetryLimit: 1,
});
const note = new apn.Notification();
note.topic = topic;
note.pushType = "background";
note.priority = 5;
note.expiry = Math.floor(Date.now() / 1000) + 3600;

const [first, ...others] = devices.split(",");
const answers = [await provider.send(note, first)];
if (others.length > 0) {
    answers.push(await provider.send(note, others));
}
const result = {
    sent: answers.flatMap((answer) => answer.sent.map((one) => one.device)),
    failed: answers.flatMap((answer) =>
        answer.failed.map((one) => ({
            device: one.device,
            status: Number(one.status ?? 0),
            reason: one.response?.reason ?? String(one.error ?? ""),
            timestamp: one.response?.timestamp ?? null,
        })),
    ),
};
console.log(JSON.stringify(result));
await provider.shutdown();
