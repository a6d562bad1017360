// Once everything is defined.
prepare(document);
catchUp();
forgetDone();
