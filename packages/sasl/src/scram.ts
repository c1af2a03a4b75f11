import { randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import {
  type ChannelBinding,
  decodeText,
  type MechanismRun,
  malformed,
  type SaslStep,
  type ServerMechanism,
} from './exchange.ts'
import { hmac, keyOctets, parseScramVerifier, type ScramVerifier, sha256 } from './scram-verifier.ts'

const nonceOctets = 24
const maxNonceLength = 1024

/** RFC 5802 §7: client-first-message. */
interface ClientFirst {
  /** With its trailing comma, as it comes back in `c=`. */
  readonly gs2Header: string
  readonly binding: 'n' | 'y' | { readonly name: string }
  readonly authzid: string
  readonly authcid: string
  readonly nonce: string
  readonly bare: string
}

/** SCRAM-SHA-256 and SCRAM-SHA-256-PLUS. RFC 5802, RFC 7677, RFC 9266. */
export const scramSha256 = scram('SCRAM-SHA-256')
export const scramSha256Plus = scram('SCRAM-SHA-256-PLUS')

function scram(name: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'): ServerMechanism {
  const isBound = name.endsWith('-PLUS')
  return {
    name,
    plaintext: false,
    ...(isBound ? { bound: true as const } : {}),
    begin(initial, bindings) {
      const run = new ScramRun(name, bindings)
      const step: SaslStep =
        initial === undefined ? { kind: 'challenge', data: Buffer.alloc(0) } : run.respond(initial)
      return { run, step }
    },
  }
}

class ScramRun implements MechanismRun {
  readonly #name: string
  readonly #bindings: readonly ChannelBinding[]
  #first: ClientFirst | undefined
  #verifier: ScramVerifier | undefined
  #verifierText = ''
  #serverFirst = ''
  #nonce = ''

  constructor(name: string, bindings: readonly ChannelBinding[]) {
    this.#name = name
    this.#bindings = bindings
  }

  respond(message: Buffer): SaslStep {
    const text = decodeText(message)
    if (text === undefined) return this.#wrong('not UTF-8, or with NUL')
    return this.#first === undefined ? this.#begin(text) : this.#finish(text)
  }

  #begin(text: string): SaslStep {
    const first = readClientFirst(text)
    if (typeof first === 'string') return this.#wrong(first)
    const fault = this.#bindingFault(first.binding)
    if (fault !== undefined) return this.#wrong(fault)
    this.#first = first
    return { kind: 'lookup', authcid: first.authcid }
  }

  /** RFC 5802 §6: a client that could bind and believes that we cannot, was lied to. */
  #bindingFault(binding: ClientFirst['binding']): string | undefined {
    if (typeof binding === 'object') {
      if (!this.#name.endsWith('-PLUS')) return 'channel binding needs SCRAM-SHA-256-PLUS'
      const found = this.#bindings.find(({ name }) => name === binding.name)
      return found?.octets() === undefined ? 'unsupported channel binding' : undefined
    }
    if (this.#name.endsWith('-PLUS')) return 'channel binding is missing'
    return binding === 'y' && this.#bindings.length > 0
      ? 'the server does support channel binding'
      : undefined
  }

  provide(text: string): SaslStep {
    const verifier = parseScramVerifier(text)
    const first = this.#first
    if (verifier === undefined || first === undefined) return this.#wrong('no verifier')
    this.#verifier = verifier
    this.#verifierText = text
    this.#nonce = first.nonce + randomBytes(nonceOctets).toString('base64')
    this.#serverFirst = `r=${this.#nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`
    return { kind: 'challenge', data: Buffer.from(this.#serverFirst) }
  }

  #finish(text: string): SaslStep {
    const [first, verifier] = [this.#first, this.#verifier]
    const match =
      /^c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)((?:,[A-Za-z]=[^,]*)*?),p=([A-Za-z0-9+/=]{44})$/.exec(
        text,
      )
    if (match === null || first === undefined || verifier === undefined)
      return this.#wrong('malformed client-final-message')
    const [, c = '', nonce = '', extensions = '', p = ''] = match
    if (extensions.startsWith(',m=')) return this.#wrong('unsupported extension')
    if (nonce !== this.#nonce) return this.#wrong('nonce mismatch')
    if (!this.#isBoundRight(first, c)) return this.#wrong('channel binding mismatch')
    const proof = decodeBase64(Buffer.from(p))
    if (proof?.length !== keyOctets) return this.#wrong('malformed proof')
    const auth = `${first.bare},${this.#serverFirst},${text.slice(0, -3 - p.length)}`
    const isRight = provesKey(verifier, auth, proof)
    return {
      kind: 'credentials',
      credentials: {
        mechanism: this.#name,
        authzid: first.authzid,
        authcid: first.authcid,
        proof: isRight ? 'right' : 'wrong',
        verifier: this.#verifierText,
      },
      ...(isRight ? { final: Buffer.from(`v=${hmac(verifier.serverKey, auth).toString('base64')}`) } : {}),
    }
  }

  #isBoundRight({ gs2Header, binding }: ClientFirst, c: string): boolean {
    const given = decodeBase64(Buffer.from(c))
    const octets =
      typeof binding === 'object'
        ? this.#bindings.find(({ name }) => name === binding.name)?.octets()
        : Buffer.alloc(0)
    return octets !== undefined && given?.equals(Buffer.concat([Buffer.from(gs2Header), octets])) === true
  }

  #wrong(text: string): SaslStep {
    return malformed(`${this.#name}: ${text}`)
  }
}

/** RFC 5802 §3: H(ClientProof XOR HMAC(StoredKey, AuthMessage)) is StoredKey. */
function provesKey({ storedKey }: ScramVerifier, auth: string, proof: Buffer): boolean {
  const signature = hmac(storedKey, auth)
  const clientKey = Buffer.from(proof.map((octet, i) => octet ^ signature[i]!))
  return timingSafeEqual(sha256(clientKey), storedKey)
}

/** The message, or what is wrong with it. */
function readClientFirst(text: string): ClientFirst | string {
  const match = /^(n|y|p=[A-Za-z0-9.-]{1,64}),(?:a=([^,]*))?,/.exec(text)
  if (match === null) return 'malformed GS2 header'
  const [gs2Header, flag = '', authzidText = ''] = match
  const bare = text.slice(gs2Header.length)
  if (bare.startsWith('m=')) return 'unsupported extension'
  const fields = /^n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,|$)/.exec(bare)
  if (fields === null) return 'malformed client-first-message'
  const [authcid, authzid] = [saslName(fields[1] ?? ''), saslName(authzidText)]
  const nonce = fields[2] ?? ''
  if (authcid === undefined || authzid === undefined || authcid === '') return 'malformed user name'
  if (nonce.length > maxNonceLength) return 'nonce too long'
  const binding = flag === 'n' || flag === 'y' ? flag : { name: flag.slice(2) }
  return { gs2Header, binding, authcid, authzid, nonce, bare }
}

/** RFC 5802 §5.1: `=2C` is a comma, `=3D` an equals sign, and nothing else follows `=`. */
function saslName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
