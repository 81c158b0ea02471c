//go:build unix

package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestAServerKeepsWhatWasCommittedWhenItIsKilledAndRestarted(t *testing.T) {
	ctx := context.Background()
	server := StartServer(t)
	dsn, other := server.Database(t), server.Database(t)
	require.NotEqual(t, dsn, other)

	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "CREATE TABLE kept AS SELECT 42 AS n")
	require.NoError(t, err)

	server.Kill(t)
	require.Error(t, conn.Ping(ctx), "the connection went down with the server")
	_ = conn.Close(ctx)
	_, err = pgx.Connect(ctx, dsn)
	require.Error(t, err)

	server.Restart(t)
	conn, err = pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	defer conn.Close(ctx)
	var n int
	require.NoError(t, conn.QueryRow(ctx, "SELECT n FROM kept").Scan(&n))
	require.Equal(t, 42, n)
}
