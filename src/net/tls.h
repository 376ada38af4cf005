/* tls.h - TLS for connections: OpenSSL on memory, and the certificate we make ourselves.
 *
 * With base/crypto.c and rtc/dtls.c the only files that see OpenSSL. Sans-I/O: octets
 * of the wire go in by tls_input() and come out by tls_output(), so that a connection
 * can move to another loop with its TLS state. TLS 1.2 (AEAD only) and 1.3, ALPN
 * http/1.1, no client certificates, no renegotiation.
 *
 * struct tls_ctx is immutable and may serve all loops; struct tls belongs to one.
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"

struct tls_ctx;
struct tls;

enum { TLS_WHY = 256 };

/* From PEM files; the certificate file may hold a chain. NULL and a sentence in `why`. */
MUST_USE struct tls_ctx *tls_ctx_new(const char *cert_path, const char *key_path,
				     char why[static TLS_WHY]);
void tls_ctx_free(struct tls_ctx *c);
AUTO_DEF(tls_ctx)

/* Self-signed certificate <dir>/cert.pem with its key <dir>/key.pem (ECDSA P-256), for
 * localhost, this machine's name, 127.0.0.1, ::1 and the names and addresses given.
 * Made when missing, unreadable, within a week of its end, or not covering one of them;
 * otherwise left alone, so that a browser's exception stays valid. Both files are 0600
 * and appear whole or not at all. `dir` must exist. wall_us: since 1970. */
struct tls_self_params {
	const char *dir;
	const char *const *names; /* host names or numeric addresses, without port */
	size_t n_names;
	uint64_t wall_us;
};
enum tls_self { TLS_KEPT, TLS_MADE, TLS_FAILED };
MUST_USE enum tls_self tls_self_signed(const struct tls_self_params *p, char why[static TLS_WHY]);
enum { TLS_SELF_DAYS = 825 }; /* the longest that Apple's systems accept */

MUST_USE int tls_new(struct tls **out, struct tls_ctx *ctx);
void tls_free(struct tls *t);
AUTO_DEF(tls)

/* For connections that we make: trusted are the system's authorities, or those of the file and
 * directory that SSL_CERT_FILE and SSL_CERT_DIR name. Certificate and name are always checked. */
MUST_USE struct tls_ctx *tls_client_ctx_new(char why[static TLS_WHY]);
/* host: a name or a numeric address, as the certificate must have it. why, if not NULL, has TLS_WHY octets
 * and lives as long as *out: what was wrong when tls_read() says TLS_BROKEN. tls_start() first. */
MUST_USE int tls_client_new(struct tls **out, struct tls_ctx *client_ctx, const char *host, char *why);
void tls_start(struct tls *t); /* the client's first flight: it is in tls_output() then */

/* Octets from the wire; copies. -ENOMEM. */
MUST_USE int tls_input(struct tls *t, struct bytes cipher);

enum tls_step {
	TLS_DATA,   /* *n octets in `to`; ask again       */
	TLS_AGAIN,  /* more input is needed               */
	TLS_END,    /* the peer closed in good order      */
	TLS_BROKEN, /* not TLS, or refused; send what tls_output() has (an alert), close */
};
MUST_USE enum tls_step tls_read(struct tls *t, uint8_t *to, size_t cap, size_t *n);

/* After the handshake. -EPROTO before it or after its end, -ENOMEM. */
MUST_USE int tls_write(struct tls *t, struct bytes plain);
/* Appends what must go to the wire. -ENOMEM: some of it is lost, the connection is over. */
MUST_USE int tls_output(struct tls *t, struct buf *to);
void tls_goodbye(struct tls *t); /* close_notify */
bool tls_is_open(const struct tls *t); /* the handshake is done */
