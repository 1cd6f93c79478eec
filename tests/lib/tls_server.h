/* A server on loopback that speaks TLS, and HTTP/2 just well enough to mislead a client: what it answers, and
 * where it breaks off, is the test's business. It blocks, in threads of its own. */
#pragma once

#include "lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- certificates ---- */

struct tls_cert {
	X509 *x509;
	EVP_PKEY *key;
	char *pem, *key_pem; /* owned */
};

static char *tls_text_of(BIO *bio)
{
	char *bytes = NULL;
	long n = BIO_get_mem_data(bio, &bytes);
	char *text = xstrndup(bytes, n > 0 ? (size_t)n : 0);
	BIO_free(bio);
	return text;
}

static void tls_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* ca: NULL = it signs itself, and may sign others. names: "IP:127.0.0.1,DNS:a". Valid from and until so many
 * seconds from now. */
[[maybe_unused]] static struct tls_cert tls_cert_new(const struct tls_cert *ca, const char *names, long from,
						     long until)
{
	static long serial;
	struct tls_cert c = { .x509 = X509_new(), .key = EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(c.x509);
	CLEANUP(freep) char *name = xasprintf("test %ld", ++serial);
	assert_non_null(c.key);
	(void)X509_set_version(c.x509, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(c.x509), from);
	(void)X509_gmtime_adj(X509_getm_notAfter(c.x509), until);
	(void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	(void)X509_set_issuer_name(c.x509, ca ? X509_get_subject_name(ca->x509) : subject);
	(void)X509_set_pubkey(c.x509, c.key);
	if (!ca)
		tls_extend(c.x509, c.x509, NID_basic_constraints, "critical,CA:TRUE");
	if (names)
		tls_extend(c.x509, ca ? ca->x509 : c.x509, NID_subject_alt_name, names);
	assert_true(X509_sign(c.x509, ca ? ca->key : c.key, EVP_sha256()) > 0);
	BIO *pem = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(pem, c.x509), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(key, c.key, NULL, NULL, 0, NULL, NULL), 1);
	c.pem = tls_text_of(pem);
	c.key_pem = tls_text_of(key);
	return c;
}

[[maybe_unused]] static void tls_cert_done(struct tls_cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	free(c->pem);
	free(c->key_pem);
	*c = (struct tls_cert){ 0 };
}

/* ---- the server ---- */

struct tls_server;
/* nth: of the connections whose handshake came to a good end, from 1. */
typedef void tls_handler(struct tls_server *s, SSL *ssl, int nth);

enum { TLS_GUESTS_MAX = 64 };

struct tls_server {
	SSL_CTX *ctx;
	tls_handler *fn;
	int fd, port;
	pthread_t thread;
	atomic_int n_accepted, n_conns, n_requests;
	atomic_int n_client_certs; /* connections whose client showed one */
	bool raw;                  /* no handshake: fn gets NULL for ssl, and the socket in raw_fd */
	int raw_fd;
	bool http2;
};

static int tls_choose(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in,
		      unsigned n_in, void *arg)
{
	static const unsigned char h2[] = "\x02h2", h1[] = "\x08http/1.1";
	const struct tls_server *s = arg;
	unsigned char *chosen = NULL;
	(void)ssl;
	int r = SSL_select_next_proto(&chosen, n_out, s->http2 ? h2 : h1,
				      s->http2 ? sizeof(h2) - 1 : sizeof(h1) - 1, in, n_in);
	*out = chosen;
	return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void tls_serve_one(struct tls_server *s, int fd)
{
	struct timeval patience = { .tv_sec = 10 };
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	atomic_fetch_add(&s->n_accepted, 1);
	if (s->raw) {
		s->raw_fd = fd;
		s->fn(s, NULL, 1);
		return;
	}
	SSL *ssl = SSL_new(s->ctx);
	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		X509 *shown = SSL_get1_peer_certificate(ssl);
		atomic_fetch_add(&s->n_client_certs, shown != NULL);
		X509_free(shown);
		s->fn(s, ssl, atomic_fetch_add(&s->n_conns, 1) + 1);
		(void)SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

struct tls_guest {
	struct tls_server *server;
	int fd;
};

static void *tls_serve_guest(void *arg)
{
	struct tls_guest *g = arg;
	tls_serve_one(g->server, g->fd);
	(void)close(g->fd);
	free(g);
	return NULL;
}

static void *tls_thread(void *arg)
{
	struct tls_server *s = arg;
	pthread_t guests[TLS_GUESTS_MAX];
	size_t n = 0;
	int fd;
	while (n < TLS_GUESTS_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct tls_guest *g = xcalloc(1, sizeof(*g));
		*g = (struct tls_guest){ s, fd };
		if (pthread_create(&guests[n++], NULL, tls_serve_guest, g) != 0)
			abort();
	}
	while (n > 0)
		(void)pthread_join(guests[--n], NULL);
	return NULL;
}

/* cert: NULL = it never does a handshake. client_ca: whoever shows no certificate of it is sent away; NULL =
 * all may come. Its fields may be changed until tls_server_start(). */
[[maybe_unused]] static struct tls_server *tls_server_new(const struct tls_cert *cert,
							  const struct tls_cert *client_ca, tls_handler *fn)
{
	struct tls_server *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	s->fn = fn;
	s->raw = !cert;
	s->ctx = SSL_CTX_new(TLS_server_method());
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->fd, 64) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
		fail_msg("cannot listen on loopback: %s", strerror(errno));
	s->port = ntohs(a.sin_port);
	if (cert) {
		assert_int_equal(SSL_CTX_use_certificate(s->ctx, cert->x509), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, cert->key), 1);
	}
	if (client_ca) {
		assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(s->ctx), client_ca->x509), 1);
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	SSL_CTX_set_alpn_select_cb(s->ctx, tls_choose, s);
	return s;
}

[[maybe_unused]] static void tls_server_start(struct tls_server *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, tls_thread, s), 0);
}

/* The client must have closed its connections. */
[[maybe_unused]] static void tls_server_free(struct tls_server *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	SSL_CTX_free(s->ctx);
	free(s);
}

/* ---- HTTP/2 (RFC 9113) ---- */

enum {
	H2_DATA = 0,
	H2_HEADERS = 1,
	H2_RST_STREAM = 3,
	H2_SETTINGS = 4,
	H2_PUSH_PROMISE = 5,
	H2_PING = 6,
	H2_GOAWAY = 7,
	H2_CONTINUATION = 9,
	H2_END_STREAM = 1,
	H2_ACK = 1,
	H2_END_HEADERS = 4,
	H2_PREFACE = 24,
	H2_HEAD = 9,
};

static bool tls_read(SSL *ssl, void *to, size_t n)
{
	for (size_t at = 0, got = 0; at < n; at += got)
		if (SSL_read_ex(ssl, (char *)to + at, n - at, &got) != 1)
			return false;
	return true;
}

static bool tls_write(SSL *ssl, const void *bytes, size_t n)
{
	size_t done = 0;
	return n == 0 || (SSL_write_ex(ssl, bytes, n, &done) == 1 && done == n);
}

static void h2_head(unsigned char head[H2_HEAD], int type, int flags, unsigned stream, size_t len)
{
	memcpy(head,
	       (const unsigned char[H2_HEAD]){ (unsigned char)(len >> 16), (unsigned char)(len >> 8),
					       (unsigned char)len, (unsigned char)type, (unsigned char)flags,
					       (unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
					       (unsigned char)(stream >> 8), (unsigned char)stream },
	       H2_HEAD);
}

[[maybe_unused]] static bool h2_send(SSL *ssl, int type, int flags, unsigned stream, struct slice payload)
{
	unsigned char head[H2_HEAD];
	h2_head(head, type, flags, stream, payload.len);
	return tls_write(ssl, head, sizeof(head)) && tls_write(ssl, payload.ptr, payload.len);
}

/* For several frames in one write. */
[[maybe_unused]] static void h2_frame(struct buf *out, int type, int flags, unsigned stream,
				      struct slice payload)
{
	unsigned char head[H2_HEAD];
	h2_head(head, type, flags, stream, payload.len);
	buf_add(out, head, sizeof(head));
	buf_add_slice(out, payload);
}

/* The beginning of a connection. */
[[maybe_unused]] static bool h2_greet(SSL *ssl)
{
	char preface[H2_PREFACE];
	return tls_read(ssl, preface, sizeof(preface)) && memcmp(preface, "PRI * HTTP/2.0", 14) == 0 &&
	       h2_send(ssl, H2_SETTINGS, 0, 0, (struct slice){ 0 });
}

/* The stream of the next whole request; 0 = there is none any more. */
[[maybe_unused]] static unsigned h2_request(struct tls_server *s, SSL *ssl)
{
	unsigned char head[H2_HEAD], body[65536];
	while (tls_read(ssl, head, sizeof(head))) {
		size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
		unsigned stream =
			(unsigned)head[5] << 24 | (unsigned)head[6] << 16 | (unsigned)head[7] << 8 | head[8];
		if (len > sizeof(body) || !tls_read(ssl, body, len))
			return 0;
		if (head[3] == H2_SETTINGS && !(head[4] & H2_ACK))
			(void)h2_send(ssl, H2_SETTINGS, H2_ACK, 0, (struct slice){ 0 });
		if ((head[3] == H2_HEADERS || head[3] == H2_DATA) && (head[4] & H2_END_STREAM)) {
			atomic_fetch_add(&s->n_requests, 1);
			return stream;
		}
	}
	return 0;
}

/* ":status: 200" is entry 8 of the static table (RFC 7541, appendix A). */
#define H2_STATUS_200 SLICE_LIT("\x88")

[[maybe_unused]] static void h2_answer(SSL *ssl, unsigned stream, const char *body)
{
	(void)h2_send(ssl, H2_HEADERS, H2_END_HEADERS, stream, H2_STATUS_200);
	(void)h2_send(ssl, H2_DATA, H2_END_STREAM, stream, slice_of(body));
}
