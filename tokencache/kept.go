package tokencache

import (
	"context"
	"errors"
	"io/fs"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Kept makes a secret only where there is none that can be opened and that is usable:
// a keyring that does not answer is no reason to make another.
func (i *insideSession) Kept(ctx context.Context, name string, usable func([]byte) bool, make func() ([]byte, error)) ([]byte, error) {
	st := i.st
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Fetched("kept", name, 0), "read "+name)
	if err != nil {
		return nil, err
	}
	defer release()
	if _, err := st.decideKeyring(ctx); err != nil { // there need not be a login yet
		return nil, err
	}
	identity := sealed.Identity("kept", name)
	record, err := st.state.Read(name)
	if err == nil {
		data, unsealed := st.open(ctx, identity, record)
		if err = unsealed; err == nil && usable(data) {
			return data, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !safedir.IsDamaged(err) && !errors.Is(err, keyring.ErrNotFound) &&
		!errors.Is(err, sealed.ErrOtherKey) && !errors.Is(err, sealed.ErrDamaged) {
		return nil, err
	}
	data, err := make()
	if err != nil {
		return nil, err
	}
	if record, err = st.seal(ctx, identity, data); err != nil {
		return nil, err
	}
	return data, st.state.Write(name, record)
}
