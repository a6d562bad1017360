// Once everything is defined.
prepare(document);
forgetDone();
