//! Signing in.

use super::{Text, words};

words! {
    /// Signing in.
    SignIn {
        title: Text = "Sign in", "Anmelden";
        subtitle: Text = "to your merchant's console", "in der Konsole Ihres Betriebs";
        email: Text = "Email", "E-Mail";
        password: Text = "Password", "Passwort";
        too_many: Text = "Too many tries. Wait half a minute, then try again.",
            "Zu viele Versuche. Warten Sie eine halbe Minute und versuchen Sie es dann noch einmal.";
        wrong: Text = "Email or password is not right.", "E-Mail oder Passwort stimmt nicht.";
    }
}
