#include "api/ledger.h"

static const struct small_db_kind kind = {
	.name = "budgets.db",
	.schema = "CREATE TABLE IF NOT EXISTS spent(day INTEGER NOT NULL, key INTEGER NOT NULL,"
		  " money INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY(day, key)) WITHOUT ROWID",
	.lost = "remove it, and budgets begin anew",
	.application = 0x766f6962, /* "voib" */
	.format = 1,
	.pages = 1024 * 1024 / 4,
};

int ledger_init(struct ledger *l, const char *dir)
{
	return small_db_init(&l->db, &kind, dir);
}

void ledger_done(struct ledger *l)
{
	small_db_done(&l->db);
}

const char *ledger_why(const struct ledger *l)
{
	return l->db.store.why;
}

/* What the file says may be anything; no sum overflows that is added to what is here. */
static uint64_t number(sqlite3_stmt *q, int column)
{
	int64_t v = sqlite3_column_int64(q, column);

	return v > 0 ? MIN((uint64_t)v, (uint64_t)INT64_MAX / 4) : 0;
}

int ledger_read(struct ledger *l, uint64_t day,
		void (*on_row)(void *ctx, const struct ledger_row *row), void *ctx)
{
	struct store *s = &l->db.store;
	AUTO(stmt) sqlite3_stmt *q = NULL;

	if (!small_db_exists(&l->db))
		return 0;
	int r = small_db_ready(&l->db);
	if (r == 0)
		r = db_prepare(s, &q, "SELECT key, money, tokens FROM spent WHERE day = ?1");
	if (r != 0)
		return r;
	sqlite3_bind_int64(q, 1, (int64_t)day);
	while ((r = db_step(s, q)) == 1) {
		const struct ledger_row row = { (uint64_t)sqlite3_column_int64(q, 0), number(q, 1),
						number(q, 2) };
		on_row(ctx, &row);
	}
	return r;
}

int ledger_begin(struct ledger *l)
{
	int r = small_db_ready(&l->db);

	return r == 0 ? db_begin(&l->db.store) : r;
}

int ledger_add(struct ledger *l, uint64_t day, struct ledger_row *row)
{
	struct store *s = &l->db.store;
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "INSERT INTO spent(day, key, money, tokens) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(day, key)"
			   " DO UPDATE SET money = money + excluded.money, tokens = tokens + excluded.tokens"
			   " RETURNING money, tokens");

	if (r != 0)
		return r;
	sqlite3_bind_int64(q, 1, (int64_t)day);
	sqlite3_bind_int64(q, 2, (int64_t)row->key);
	sqlite3_bind_int64(q, 3, (int64_t)row->money);
	sqlite3_bind_int64(q, 4, (int64_t)row->tokens);
	r = db_step(s, q);
	if (r != 1)
		return r;
	const struct ledger_row sums = { row->key, number(q, 0), number(q, 1) };
	r = db_step(s, q); /* the statement is over when it is done */
	if (r == 0)
		*row = sums;
	return r;
}

int ledger_finish(struct ledger *l, int r)
{
	return db_finish(&l->db.store, r);
}

void ledger_tend(struct ledger *l, uint64_t today)
{
	struct store *s = &l->db.store;
	AUTO(stmt) sqlite3_stmt *q = NULL;

	if (!s->db || today < LEDGER_DAYS ||
	    db_prepare(s, &q, "DELETE FROM spent WHERE day < ?1") != 0)
		return;
	sqlite3_bind_int64(q, 1, (int64_t)(today - LEDGER_DAYS));
	if (db_run(s, q) == 0)
		small_db_tend(&l->db);
}
