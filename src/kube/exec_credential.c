#include "kube/exec_credential.h"

#include "data/json.h"

#include <errno.h>

static void wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(TAKE(*secret));
}

void exec_credential_done(struct exec_credential *c)
{
	wipe(&c->token);
	wipe(&c->cert_pem);
	wipe(&c->key_pem);
}

int exec_credential_parse(struct slice text, const char *api_version, struct exec_credential *ret,
			  struct err *e)
{
	CLEANUP(js_freep) struct js *answer = NULL;
	int r = js_parse(text, &answer, e);
	if (r < 0)
		return r;
	const char *version = js_str(js_get(answer, "apiVersion"));
	const char *kind = js_str(js_get(answer, "kind"));
	if (!kind || strcmp(kind, "ExecCredential") != 0)
		return err_set(e, EINVAL, "its answer is no ExecCredential");
	if (!version || strcmp(version, api_version) != 0)
		return err_set(e, EINVAL, "it answers in %s, but %s is configured",
			       version ? version : "no version", api_version);
	const struct js *status = js_get(answer, "status");
	const char *token = js_str(js_get(status, "token"));
	const char *cert = js_str(js_get(status, "clientCertificateData"));
	const char *key = js_str(js_get(status, "clientKeyData"));
	struct slice end = js_text(js_get(status, "expirationTimestamp"));
	msec expires = 0;
	if (!cert != !key)
		return err_set(e, EINVAL,
			       "its answer has only one of clientCertificateData and clientKeyData");
	if (!(token && token[0]) && !cert)
		return err_set(e, EINVAL, "its answer has neither a token nor a client certificate");
	if (end.len > 0 && time_parse(end, &expires) < 0)
		return err_set(e, EINVAL, "its answer has a bad expirationTimestamp");
	*ret = (struct exec_credential){
		.token = token && token[0] ? xstrdup(token) : NULL,
		.cert_pem = cert ? xstrdup(cert) : NULL,
		.key_pem = key ? xstrdup(key) : NULL,
		.expires = expires,
	};
	return 0;
}
