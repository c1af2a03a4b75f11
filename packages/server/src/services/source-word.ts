/** A word of passdb or userdb. */
export type SourceWord =
  | { readonly kind: 'store' }
  | { readonly kind: 'passwd-file'; readonly path: string }
  | { readonly kind: 'passwd'; readonly path: string }
  | { readonly kind: 'saslauthd'; readonly path: string }
  | { readonly kind: 'oauth2'; readonly path: string }

const defaultMux = '/run/saslauthd/mux'

const saslauthdInstead =
  'run saslauthd (Debian: sasl2-bin) with MECHANISMS="pam" or "shadow", and write saslauthd:/run/saslauthd/mux'

/** @throws RangeError for a word that names no source, with what to write instead. */
export function parseSourceWord(word: string, parameter: 'passdb' | 'userdb'): SourceWord {
  const colon = word.indexOf(':')
  const kind = colon === -1 ? word : word.slice(0, colon)
  const path = colon === -1 ? '' : word.slice(colon + 1)
  if (kind === 'store' && path === '') return { kind }
  if (kind === 'passwd-file') {
    if (path === '')
      throw new RangeError(`${parameter}: passwd-file needs its file: passwd-file:/etc/posthorn/users`)
    return { kind, path }
  }
  if (parameter === 'userdb' && kind === 'passwd') return { kind, path: path === '' ? '/etc/passwd' : path }
  if (parameter === 'passdb' && kind === 'saslauthd') return { kind, path: path === '' ? defaultMux : path }
  if (parameter === 'passdb' && kind === 'oauth2') {
    if (path === '') throw new RangeError('passdb: oauth2 needs its file: oauth2:/etc/posthorn/oauth2.conf')
    return { kind, path }
  }
  if (parameter === 'passdb' && ['pam', 'shadow', 'passwd'].includes(kind))
    throw new RangeError(`passdb: "${kind}" needs root, which the server is not; ${saslauthdInstead}`)
  const choices =
    parameter === 'passdb'
      ? 'store, passwd-file:FILE, saslauthd:SOCKET, oauth2:FILE'
      : 'store, passwd, passwd-file:FILE'
  throw new RangeError(`${parameter}: unknown source "${word}"; there are ${choices}`)
}
