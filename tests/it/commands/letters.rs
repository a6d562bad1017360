//! An invitation from the command line, through the running gateway and a mail server, to the card's page.

use passgate::sim::smtp::FakeSmtp;

use super::{DEADLINE, SETUP, done, fresh, refused, serve, word};

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_address_is_written_to_and_its_link_leads_to_the_card() {
    let folder = fresh();
    let folder = folder.path();
    let printed = done(folder, &SETUP);
    let (merchant, program) = (word(&printed, "merchant "), word(&printed, "program "));
    let of = ["--merchant", merchant.as_str()];
    let invite = [
        "invitation",
        "addresses",
        "--program",
        &program,
        "ada@example.com",
    ];
    let invited = done(folder, &[&invite[..], &of].concat());
    assert!(invited.contains("waits to be sent"), "{invited}");
    let again = refused(folder, &[&invite[..], &of].concat());
    assert!(again.contains("1 of 1 addresses were not invited"), "{again}");

    let server = FakeSmtp::start().await.expect("a mail server");
    let mail = format!(
        "[mail]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Corner Café <cards@example.com>\"\n",
        server.address.port()
    );
    std::fs::write(folder.join("mail.toml"), mail).expect("a configuration");
    let (_gateway, base) = serve(folder, "mail.toml").await;
    let arrived = async {
        while server.received().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, arrived)
        .await
        .expect("a letter arrives");
    let letter = server.received()[0].text.replace("=\n", "");
    let (_, after) = letter.split_once("/invitation/").expect("a link");
    let path = after.split_whitespace().next().expect("an end");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let page = client
        .get(format!("{base}/invitation/{path}"))
        .send()
        .await
        .expect("an answer");
    assert!(page.url().path().starts_with("/card/"), "{}", page.url());
    assert!(page.text().await.expect("a page").contains("Punch card"));
    let (rest, last) = path.split_at(path.len() - 1);
    let wrong = format!("{base}/invitation/{rest}{}", if last == "0" { '1' } else { '0' });
    assert_eq!(client.get(wrong).send().await.expect("an answer").status(), 404);
    let listed = done(folder, &[&["invitation", "list"][..], &of].concat());
    assert!(listed.contains("a•••@example.com  opened"), "{listed}");
}
