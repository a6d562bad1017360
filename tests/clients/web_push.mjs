// Sends a push with another implementation of RFC 8030, RFC 8291 and RFC 8292 than ours. JSON in on standard input; the
// status that the push service answers out on standard output.
import { readFileSync } from "node:fs";
import webPush from "web-push";

const { subscription, subject, payload, topic } = JSON.parse(readFileSync(0, "utf8"));
const { publicKey, privateKey } = JSON.parse(process.env.VAPID ?? "null") ?? webPush.generateVAPIDKeys();
if (!subscription) {
  process.stdout.write(JSON.stringify({ publicKey, privateKey }));
} else {
  const options = {
    vapidDetails: { subject, publicKey, privateKey },
    contentEncoding: "aes128gcm",
    TTL: 60,
    urgency: "high",
    topic,
  };
  const status = await webPush.sendNotification(subscription, payload, options).then(
    (answer) => answer.statusCode,
    (refusal) => refusal.statusCode ?? Promise.reject(refusal),
  );
  process.stdout.write(JSON.stringify({ status }));
}
