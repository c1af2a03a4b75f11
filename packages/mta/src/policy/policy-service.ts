import type { Log } from '@posthorn/mail'
import { ExchangeClient, type ServiceAddress } from '@posthorn/net'
import { insideBraces, splitListText, TableError } from '../tables/index.ts'
import { policyQuestion } from './policy-question.ts'
import type { PolicyRequest } from './request.ts'

/** Postfix: smtpd_policy_service_…; each service may have its own in braces. */
export interface PolicyServiceOptions {
  /** What is done when there is no answer: an access(5) action. */
  readonly defaultAction: string
  readonly timeoutMs: number
  readonly maxIdleMs: number
  readonly maxTtlMs: number
  /** Questions on one connection; 0: no limit. */
  readonly requestLimit: number
  readonly tryLimit: number
  readonly retryDelayMs: number
  readonly policyContext: string
  /** Of certificates' fingerprints. Postfix: smtpd_tls_fingerprint_digest. */
  readonly fingerprintDigest: string
  /** Relative socket paths start here. Postfix: queue_directory. */
  readonly socketFolder: string
}

/** Postfix's defaults. */
const defaults: PolicyServiceOptions = {
  defaultAction: '451 4.3.5 Server configuration problem',
  timeoutMs: 100_000,
  maxIdleMs: 300_000,
  maxTtlMs: 1_000_000,
  requestLimit: 0,
  tryLimit: 2,
  retryDelayMs: 1_000,
  policyContext: '',
  fingerprintDigest: 'sha256',
  socketFolder: '/var/spool/postfix',
}

/** A service of SMTPD_POLICY_README. */
export interface PolicyService {
  readonly name: string
  /** The action it asks for, or the default action. Never rejects. */
  action(request: PolicyRequest): Promise<string>
}

/** Services by what main.cf calls them: lists that name the same one share its connections. */
export interface PolicyServices {
  /** `unix:/path`, `inet:host:port`, `{ inet:host:port, timeout=10s, default_action=DUNNO }`. Throws TableError. */
  open(spec: string): PolicyService
}

export function createPolicyServices(given: Partial<PolicyServiceOptions>, log: Log): PolicyServices {
  const opened = new Map<string, PolicyService>()
  return {
    open(spec) {
      const found = opened.get(spec)
      if (found !== undefined) return found
      const { endpoint, options } = readSpec(spec, { ...defaults, ...given })
      const service = new Service(endpoint, options, log)
      opened.set(spec, service)
      return service
    },
  }
}

class Service implements PolicyService {
  readonly name: string
  readonly #options: PolicyServiceOptions
  readonly #client: ExchangeClient
  readonly #log: Log

  constructor(endpoint: string, options: PolicyServiceOptions, log: Log) {
    this.name = endpoint
    this.#options = options
    this.#log = log
    this.#client = new ExchangeClient({
      address: addressOf(endpoint, options.socketFolder),
      timeoutMs: options.timeoutMs,
      maxIdleMs: options.maxIdleMs,
      maxAgeMs: options.maxTtlMs,
      maxQuestions: options.requestLimit,
      tries: options.tryLimit,
      retryDelayMs: options.retryDelayMs,
      answerLength: endOfAttributes,
    })
  }

  async action(request: PolicyRequest): Promise<string> {
    const { policyContext, fingerprintDigest } = this.#options
    try {
      const answer = await this.#client.ask(policyQuestion(request, policyContext, fingerprintDigest))
      const action = actionIn(answer)
      if (action !== undefined) return action
      this.#warn('the answer has no action')
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error))
    }
    return this.#options.defaultAction
  }

  #warn(reason: string): void {
    const text = `problem talking to server ${this.name}: ${reason}`
    this.#log({ level: 'warning', service: 'smtpd', text })
  }
}

/** Attributes end with an empty line. */
export function endOfAttributes(received: Buffer): number | undefined {
  const end = received.indexOf('\n\n')
  return end === -1 ? undefined : end + 2
}

function actionIn(answer: Buffer): string | undefined {
  for (const line of answer.toString('utf8').split('\n')) {
    if (line.startsWith('action=')) return line.slice('action='.length).trim() || undefined
  }
  return undefined
}

function addressOf(endpoint: string, socketFolder: string): ServiceAddress {
  const [, kind = '', rest = ''] = /^(unix|local|inet):(.+)$/.exec(endpoint) ?? []
  if (kind === 'unix' || kind === 'local')
    return { kind: 'unix', path: rest.startsWith('/') ? rest : `${socketFolder}/${rest}` }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(rest) ?? []
  const host = bracketed ?? plain
  if (kind !== 'inet' || host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new TableError(endpoint, 'a policy service is unix:/path or inet:host:port')
  return { kind: 'inet', host, port: Number(port) }
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

function readSpec(spec: string, options: PolicyServiceOptions) {
  const words = splitListText(insideBraces(spec) ?? spec)
  const [endpoint = ''] = words
  // Found when the configuration is read, not at the first question.
  addressOf(endpoint, options.socketFolder)
  let all = options
  for (const word of words.slice(1)) all = { ...all, ...readOption(spec, insideBraces(word) ?? word) }
  return { endpoint, options: all }
}

function readOption(spec: string, text: string): Partial<PolicyServiceOptions> {
  const equals = text.indexOf('=')
  const name = text.slice(0, Math.max(0, equals)).trim()
  const value = text.slice(equals + 1).trim()
  const time = (): number => {
    const [, number, unit = 's'] = /^(\d{1,9})([smhdw])?$/.exec(value) ?? []
    if (number === undefined) throw new TableError(spec, `${name}: "${value}" is no time`)
    return Number(number) * (seconds[unit] ?? 1) * 1_000
  }
  switch (name) {
    case 'default_action':
      return { defaultAction: value }
    case 'policy_context':
      return { policyContext: value }
    case 'timeout':
      return { timeoutMs: time() }
    case 'max_idle':
      return { maxIdleMs: time() }
    case 'max_ttl':
      return { maxTtlMs: time() }
    case 'retry_delay':
      return { retryDelayMs: time() }
    case 'try_limit':
      if (/^[1-9]\d{0,3}$/.test(value)) return { tryLimit: Number(value) }
      throw new TableError(spec, `try_limit: "${value}" is no number above 0`)
    case 'request_limit':
      if (/^\d{1,9}$/.test(value)) return { requestLimit: Number(value) }
      throw new TableError(spec, `request_limit: "${value}" is no number`)
    default:
      throw new TableError(spec, `unknown policy service attribute "${text}"`)
  }
}
