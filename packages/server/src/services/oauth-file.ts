import { readFileSync } from 'node:fs'
import type { TokenRules } from '@posthorn/accounts'
import { closest } from '@posthorn/mta/closest'
import { errorCode, StartError } from '../start-error.ts'

/** A dovecot-oauth2.conf.ext that has been found right. */
export interface OauthSettings extends TokenRules {
  readonly tokeninfoUrl: string
  readonly introspectionUrl: string
  readonly mode: 'auth' | 'get' | 'post' | 'local'
  readonly force: boolean
  /** local_validation_key_dict without `fs:posix:prefix=`. */
  readonly keyPrefix: string
  /** A JWK Set: https: or file:; '' = none. */
  readonly jwksUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly openidConfigurationUrl: string
  readonly timeoutMs: number
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

const known: Readonly<Record<string, string>> = {
  tokeninfo_url: '',
  introspection_url: '',
  introspection_mode: '',
  force_introspection: 'no',
  local_validation_key_dict: '',
  jwks_url: '',
  client_id: '',
  client_secret: '',
  username_attribute: 'email',
  active_attribute: '',
  active_value: '',
  scope: '',
  issuers: '',
  audience: '',
  openid_configuration_url: '',
  timeout_msecs: '5000',
  tls_ca_cert_file: '',
  tls_cert_file: '',
  tls_key_file: '',
}

/** Accepted: nothing here depends on them. */
const withoutEffect = new Set([
  'debug',
  'rawlog_dir',
  'max_idle_time_msecs',
  'max_parallel_connections',
  'max_pipelined_requests',
  'send_auth_headers',
  'tls_cipher_suite',
  'username_format',
  'blocking',
])

const notHere: Readonly<Record<string, string>> = {
  grant_url: 'passwords are not exchanged for tokens (RFC 9700 §2.4); the clients fetch them',
  use_grant_password: 'passwords are not exchanged for tokens (RFC 9700 §2.4); the clients fetch them',
  tls_allow_invalid_cert: 'name the authority in tls_ca_cert_file',
  tls_ca_cert_dir: 'name the authority in tls_ca_cert_file',
  pass_attrs: 'tokens name a user and nothing else',
}

const maxTimeoutMs = 60_000

function nearest(name: string): string {
  const near = closest(name, Object.keys(known))
  return near === undefined ? `there are ${Object.keys(known).join(', ')}` : `did you mean "${near}"?`
}

/** @throws StartError, naming file and line. */
export function readOauthFile(file: string): OauthSettings {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartError(
      `passdb: oauth2:${file}: ${errorCode(error)}`,
      "name a file that the server may read, with the words of Dovecot's dovecot-oauth2.conf.ext",
    )
  }
  return new OauthFile(file, text).settings()
}

class OauthFile {
  readonly #file: string
  readonly #values = new Map<string, { readonly value: string; readonly line: number }>()

  constructor(file: string, text: string) {
    this.#file = file
    for (const [index, row] of text.split(/\r?\n/).entries()) {
      const line = row.trim()
      if (line !== '' && !line.startsWith('#')) this.#read(line, index + 1)
    }
  }

  #read(text: string, line: number): void {
    const [, name = '', given = ''] = /^([a-z0-9_]+)\s*=\s*(.*)$/.exec(text) ?? []
    const value = /^"(.*)"$/.exec(given)?.[1]?.replace(/\\(["\\])/g, '$1') ?? given
    if (name === '') throw this.#fault(line, 'not of the form name = value', 'mend the line')
    const instead = notHere[name]
    if (instead !== undefined && value !== '' && value !== 'no')
      throw this.#fault(line, `${name} is not done here`, instead)
    if (instead !== undefined || withoutEffect.has(name)) return
    if (!Object.hasOwn(known, name)) throw this.#fault(line, `unknown name "${name}"`, nearest(name))
    this.#values.set(name, { value, line })
  }

  settings(): OauthSettings {
    const given = (name: string): string => this.#values.get(name)?.value ?? known[name] ?? ''
    const words = (name: string): readonly string[] => given(name).split(/\s+/).filter(Boolean)
    const settings = {
      tokeninfoUrl: this.#url('tokeninfo_url'),
      introspectionUrl: this.#url('introspection_url'),
      mode: this.#mode(),
      force: /^(?:yes|y|true|1)$/i.test(given('force_introspection')),
      keyPrefix: this.#keyPrefix(),
      jwksUrl: this.#jwksUrl(),
      clientId: given('client_id'),
      clientSecret: given('client_secret'),
      usernameAttribute: given('username_attribute'),
      activeAttribute: given('active_attribute'),
      activeValue: given('active_value'),
      scopes: words('scope'),
      issuers: words('issuers'),
      audiences: words('audience'),
      openidConfigurationUrl: this.#url('openid_configuration_url'),
      timeoutMs: this.#timeoutMs(given('timeout_msecs')),
      caFile: given('tls_ca_cert_file'),
      certFile: given('tls_cert_file'),
      keyFile: given('tls_key_file'),
    }
    if (settings.activeValue !== '' && settings.activeAttribute === '')
      throw this.#faultOf('active_value', 'active_value without active_attribute', 'set both, or neither')
    if (settings.mode === 'local' && settings.keyPrefix === '' && settings.jwksUrl === '')
      throw this.#faultOf(
        'introspection_mode',
        'introspection_mode = local without jwks_url or local_validation_key_dict',
        'jwks_url = https://… where its server publishes its keys (jwks_uri in its openid-configuration)',
      )
    if (settings.jwksUrl !== '' && settings.mode !== 'local')
      throw this.#faultOf('jwks_url', 'jwks_url is for introspection_mode = local', 'set both, or neither')
    if (settings.jwksUrl !== '' && settings.keyPrefix !== '')
      throw this.#faultOf(
        'jwks_url',
        'jwks_url beside local_validation_key_dict',
        'keep one of them; an own oauth2:FILE in passdb can have the other',
      )
    if (settings.mode !== 'local' && settings.introspectionUrl === '' && settings.tokeninfoUrl === '')
      throw this.#fault(
        undefined,
        'there is nobody to ask about tokens',
        'set introspection_url, or introspection_mode = local',
      )
    return settings
  }

  #mode(): OauthSettings['mode'] {
    const mode = this.#values.get('introspection_mode')?.value || 'auth'
    if (mode === 'auth' || mode === 'get' || mode === 'post' || mode === 'local') return mode
    throw this.#faultOf(
      'introspection_mode',
      `introspection_mode = ${mode}`,
      'one of auth, get, post (RFC 7662) and local',
    )
  }

  #url(name: string): string {
    const value = this.#values.get(name)?.value ?? ''
    if (value === '') return ''
    if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol))
      throw this.#faultOf(name, `${name} is no address of a web server`, 'https://id.example.org/…')
    return value
  }

  #keyPrefix(): string {
    const value = this.#values.get('local_validation_key_dict')?.value ?? ''
    if (value === '') return ''
    const prefix = /^fs:posix:prefix=(\/.*)$/.exec(value)?.[1]
    if (prefix !== undefined) return prefix
    throw this.#faultOf(
      'local_validation_key_dict',
      `local_validation_key_dict = ${value}: keys are files here`,
      'fs:posix:prefix=/etc/posthorn/oauth2-keys/',
    )
  }

  /** Whoever can change the keys on their way can log in as anybody. */
  #jwksUrl(): string {
    const value = this.#values.get('jwks_url')?.value ?? ''
    if (value === '') return ''
    const url = URL.canParse(value) ? new URL(value) : undefined
    const isHere = url !== undefined && /^(?:127\.[\d.]+|\[::1\]|localhost)$/.test(url.hostname)
    const isFile = url?.protocol === 'file:' && url.hostname === ''
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere) || isFile) return value
    throw this.#faultOf(
      'jwks_url',
      `jwks_url = ${value}: the keys must come by https: or from a file`,
      'https://id.example.org/… or file:///etc/posthorn/jwks.json',
    )
  }

  #timeoutMs(text: string): number {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
    if (value >= 1 && value <= maxTimeoutMs) return value
    throw this.#faultOf('timeout_msecs', `timeout_msecs = ${text}`, `a number from 1 to ${maxTimeoutMs}`)
  }

  #faultOf(name: string, text: string, remedy: string): StartError {
    return this.#fault(this.#values.get(name)?.line, text, remedy)
  }

  #fault(line: number | undefined, text: string, remedy: string): StartError {
    return new StartError(`${this.#file}${line === undefined ? '' : `:${line}`}: ${text}`, remedy)
  }
}
