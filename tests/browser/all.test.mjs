// Every file of specs in one process, so that they share a browser and the sessions of their members. What changes much
// comes last.
import "./console.test.mjs";
import "./list.test.mjs";
import "./customer.test.mjs";
import "./settings.test.mjs";
import "./messages.test.mjs";
import "./keyboard.test.mjs";
import "./everywhere.test.mjs";
import "./tools.test.mjs";
