import { insideBraces, splitListText, TableError } from '../../tables/index.ts'
import { clientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

const keys = ['cert_fingerprint', 'pubkey_fingerprint'] as const
type Key = (typeof keys)[number]

/** access(5) by the fingerprints of the client's certificate and of its public key, trusted or not. */
export const checkCcertAccess = restriction({
  names: ['check_ccert_access'],
  argument: 'table',
  about: clientSubject,
  make(parts, spec) {
    const { name, order } = readSpec(spec)
    const table = parts.tables.open(name)
    return (request, _subject, depth) => {
      const shown = request.connection?.tls?.clientCertificate
      if (shown === undefined) return dunno
      for (const key of order) {
        const print =
          key === 'cert_fingerprint'
            ? shown.fingerprint(parts.fingerprintDigest)
            : shown.publicKeyFingerprint(parts.fingerprintDigest)
        const action = table.lookup(print)
        if (action === undefined) continue
        const subject = { ...clientSubject(request), class: 'Client certificate' as const }
        return parts.act(action, table, print, subject, request, depth)
      }
      return dunno
    }
  },
})

/** `hash:/x`, or `{ hash:/x, { search_order = pubkey_fingerprint, cert_fingerprint } }`. Throws TableError. */
function readSpec(spec: string): { readonly name: string; readonly order: readonly Key[] } {
  const inside = insideBraces(spec)
  if (inside === undefined) return { name: spec, order: keys }
  const [name = '', ...settings] = splitListText(inside)
  let order: readonly Key[] = keys
  for (const setting of settings) {
    const [, list] = /^search_order\s*=\s*(.*)$/s.exec(insideBraces(setting) ?? setting) ?? []
    const words = splitListText(list ?? '')
    const known = words.filter((word): word is Key => keys.some((key) => key === word))
    if (known.length === 0 || known.length < words.length)
      throw new TableError(spec, `expected search_order = ${keys.join(', ')}, found "${setting}"`)
    order = known
  }
  return { name, order }
}
