import * as crypto from 'node:crypto'
import * as tls from 'node:tls'

/** What a server shows and demands in TLS. Texts are PEM. */
export interface TlsSettings {
  /** Several: of different kinds, each with its key at the same place. */
  readonly cert: string | Buffer | readonly string[]
  readonly key: string | Buffer | readonly string[]
  readonly passphrase?: string
  /** Default TLSv1.2. */
  readonly minVersion?: tls.SecureVersion
  readonly maxVersion?: tls.SecureVersion
  /** OpenSSL cipher list for TLS 1.2 and below, or names of TLS 1.3 suites. */
  readonly ciphers?: string
  /** Whose order of ciphers counts. Default: the server's. */
  readonly cipherOrder?: 'server' | 'client'
  /** Diffie-Hellman parameters in PEM, or 'auto'. */
  readonly dhparam?: string | Buffer
  /** Who issues certificates of clients that are trusted; none at all: nobody. Default: the authorities of Node. */
  readonly ca?: string | Buffer | readonly string[]
  /** Certificates that these have revoked: with any list, each certificate of a client must be on none. PEM. */
  readonly crl?: readonly string[]
  /** Whether clients are asked for a certificate, which none must have. Default: not. */
  readonly clientCertificates?: 'asked'
  /** 48 octets, the same for all workers, so that tickets of one resume at another. */
  readonly ticketKeys?: Buffer
  /** Further certificates chosen by server name (SNI): a name, `*.example.org` for one below, `.example.org` for any below. */
  readonly byName?: Readonly<Record<string, Pick<TlsSettings, 'cert' | 'key'>>>
}

/** A certificate or key that cannot be used. `message` says which and why. */
export class TlsSettingsError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TlsSettingsError'
  }
}

interface Contexts {
  readonly main: tls.SecureContext
  readonly byName: ReadonlyMap<string, tls.SecureContext>
}

/** The certificate in use. `replace` changes it for handshakes to come (SIGHUP); sessions go on. */
export class TlsCredentials {
  readonly #ticketKeys: Buffer
  #contexts: Contexts
  #clientCertificates: 'asked' | undefined

  /** @throws TlsSettingsError when certificate and key do not fit or cannot be read. */
  constructor(settings: TlsSettings) {
    this.#ticketKeys = settings.ticketKeys ?? crypto.randomBytes(48)
    this.#contexts = createContexts(settings, this.#ticketKeys)
    this.#clientCertificates = settings.clientCertificates
  }

  /** All or nothing: on error the old certificate stays. @throws TlsSettingsError */
  replace(settings: TlsSettings): void {
    this.#contexts = createContexts(settings, settings.ticketKeys ?? this.#ticketKeys)
    this.#clientCertificates = settings.clientCertificates
  }

  /** For handshakes of Connection. */
  get clientCertificates(): 'asked' | undefined {
    return this.#clientCertificates
  }

  get context(): tls.SecureContext {
    return this.#contexts.main
  }

  /** The context for a server name; the main one when none fits. RFC 6066 §3. */
  contextFor(serverName: string): tls.SecureContext {
    const name = serverName.toLowerCase()
    const { byName, main } = this.#contexts
    let found = byName.get(name)
    for (
      let dot = name.indexOf('.', 1);
      found === undefined && dot !== -1;
      dot = name.indexOf('.', dot + 1)
    ) {
      const parent = name.slice(dot)
      found = byName.get(parent) ?? (dot === name.indexOf('.') ? byName.get(`*${parent}`) : undefined)
    }
    return found ?? main
  }

  /** For `SNICallback`; undefined when there is one certificate only. */
  get sniCallback():
    | ((name: string, done: (error: Error | null, context: tls.SecureContext) => void) => void)
    | undefined {
    if (this.#contexts.byName.size === 0) return undefined
    return (name, done) => done(null, this.contextFor(name))
  }
}

function createContexts(settings: TlsSettings, ticketKeys: Buffer): Contexts {
  const byName = new Map<string, tls.SecureContext>()
  for (const [name, pair] of Object.entries(settings.byName ?? {}))
    byName.set(name.toLowerCase(), createContext({ ...settings, ...pair }, ticketKeys, ` for ${name}`))
  return { main: createContext(settings, ticketKeys, ''), byName }
}

function createContext(settings: TlsSettings, ticketKeys: Buffer, whose: string): tls.SecureContext {
  const { ciphers, dhparam, ca, crl, passphrase, maxVersion } = settings
  // OpenSSL takes an empty text as "none" and would fail at each handshake instead.
  if (isEmpty(settings.cert)) throw new TlsSettingsError(`Cannot use the certificate${whose}: it is empty`)
  if (isEmpty(settings.key))
    throw new TlsSettingsError(`Cannot use the certificate${whose}: its key is empty`)
  try {
    return tls.createSecureContext({
      cert: pemOf(settings.cert),
      key: pemOf(settings.key),
      ticketKeys,
      sessionIdContext: sessionContext(settings),
      minVersion: settings.minVersion ?? 'TLSv1.2',
      honorCipherOrder: settings.cipherOrder !== 'client',
      // A client that renegotiates TLS 1.2 in a loop costs us more than itself (CVE-2011-1473).
      secureOptions: crypto.constants.SSL_OP_NO_RENEGOTIATION,
      ...(maxVersion === undefined ? {} : { maxVersion }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(dhparam === undefined ? {} : { dhparam }),
      ...(ca === undefined ? {} : { ca: Array.isArray(ca) ? [...ca] : (ca as string | Buffer) }),
      ...(crl === undefined ? {} : { crl: [...crl] }),
      ...(passphrase === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    throw new TlsSettingsError(`Cannot use the certificate${whose}: ${tlsErrorText(error)}`, { cause: error })
  }
}

const isEmpty = (pem: TlsSettings['cert']): boolean =>
  pem.length === 0 || (Array.isArray(pem) && pem.includes(''))

const pemOf = (pem: TlsSettings['cert']): string | Buffer | string[] =>
  Array.isArray(pem) ? [...pem] : (pem as string | Buffer)

/** A ticket remembers that its client's certificate was trusted: it counts only where the same authorities do. */
function sessionContext({ ca, crl, clientCertificates }: TlsSettings): string {
  if (clientCertificates === undefined) return 'posthorn'
  const hash = crypto.createHash('sha256')
  for (const text of [ca ?? '', crl ?? []].flat()) hash.update(text).update('\0')
  return `posthorn ${hash.digest('base64').slice(0, 20)}`
}

function tlsErrorText(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'the key belongs to another certificate'
  if (code === 'ERR_SSL_NO_CIPHER_MATCH') return 'its list of ciphers names none that there is'
  if (code === 'ERR_OSSL_PEM_NO_START_LINE') return 'no PEM block found (is the file empty, or DER?)'
  if (code === 'ERR_OSSL_BAD_DECRYPT' || code === 'ERR_MISSING_PASSPHRASE')
    return 'the key is encrypted and its passphrase is wrong or missing'
  return message ?? String(error)
}
