// Sends messages with Google's own client of Firebase Cloud Messaging. JSON in on standard input; for each message its
// name or the code of its error out on standard output. The client knows one address only, so every connection that it
// opens is led to the stand-in.
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { connect } from "node:net";
import { initializeApp } from "firebase-admin/app";
import { getMessaging } from "firebase-admin/messaging";

const { port, project, accessToken, messages } = JSON.parse(readFileSync(0, "utf8"));

class ToStandIn extends Agent {
  createConnection() {
    return connect(port, "127.0.0.1");
  }
}

const app = initializeApp({
  projectId: project,
  credential: { getAccessToken: async () => ({ access_token: accessToken, expires_in: 3600 }) },
  httpAgent: new ToStandIn(),
});
const answers = [];
for (const message of messages) {
  answers.push(
    await getMessaging(app)
      .send(message)
      .then((name) => ({ name }), (error) => ({ code: error.code, text: error.message })),
  );
}
process.stdout.write(JSON.stringify(answers));
process.exit(0);
