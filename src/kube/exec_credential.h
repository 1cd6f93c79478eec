/* What a credential plugin answers: an ExecCredential of client.authentication.k8s.io. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "base/times.h"

/* Texts owned; NULL where not given. There is a token, or a certificate with its key, or both. */
struct exec_credential {
	char *token;
	char *cert_pem, *key_pem;
	msec expires; /* by the wall clock; 0 = never */
};

/* `api_version`: what is configured, and must be what the plugin answers in. -EINVAL. */
int exec_credential_parse(struct slice text, const char *api_version, struct exec_credential *ret,
			  struct err *e);
void exec_credential_done(struct exec_credential *c); /* wipes it */
