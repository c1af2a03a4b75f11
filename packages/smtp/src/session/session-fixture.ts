import { RecordingHandler } from '../handler-fixture.ts'
import { defaultSmtpOptions, type SmtpOptions, type SmtpServiceName, serviceOptions } from '../options.ts'
import { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'

export interface Setting {
  readonly service?: SmtpServiceName
  readonly options?: Partial<SmtpOptions>
  readonly tlsAvailable?: boolean
  readonly prepare?: (handler: RecordingHandler) => void
  /** Taken at the start of the session. */
  readonly inTls?: boolean
}

/** A session without a socket. */
export const open = (setting: Setting = {}) => {
  const service = setting.service ?? 'mx'
  const handler = new RecordingHandler()
  setting.prepare?.(handler)
  const clock = { nowMs: 0 }
  const faults: unknown[] = []
  let closing = false
  const host: SessionHost = {
    handler,
    options: {
      ...defaultSmtpOptions,
      hostname: 'mx.test',
      ...serviceOptions[service],
      errorSleepMs: 1,
      ...setting.options,
    },
    tlsAvailable: setting.tlsAvailable ?? false,
    get closing() {
      return closing
    },
    now: () => clock.nowMs,
    schedule: () => undefined,
    cancel: () => undefined,
    fault: (_session, error) => faults.push(error),
  }
  const wire = { out: '', writes: 0, ended: false, handshakes: 0 }
  const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 }
  const session = new Session(
    {
      id: '1',
      service,
      clientAddress: '192.0.2.1',
      clientPort: 4000,
      localAddress: '192.0.2.2',
      localPort: 25,
      clientName: 'unknown',
      helo: '',
      protocol: service === 'lmtp' ? 'LMTP' : 'SMTP',
      tls: setting.inTls ? tls : undefined,
      user: undefined,
      trusted: handler.trusted,
    },
    host,
    {
      write: (text) => {
        wire.out += text
        wire.writes++
      },
      startTls: () => {
        wire.handshakes++
      },
      end: () => {
        wire.ended = true
      },
      acknowledge: () => undefined,
      resume: () => undefined,
    },
  )
  return {
    session,
    handler,
    wire,
    clock,
    faults,
    tls,
    close: () => {
      closing = true
    },
  }
}

/** Lets the handler's promises come true. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** The client's octets in pieces of `step`, the next piece after the answers to the last. */
export const converse = async (input: string, setting: Setting = {}, step = input.length) => {
  const opened = open(setting)
  opened.session.greet(opened.handler.banner)
  const bytes = Buffer.from(input, 'latin1')
  for (let at = 0; at < bytes.length; at += step) {
    opened.session.push(bytes.subarray(at, at + step))
    if (step > 1 || bytes[at] === 10) await settle()
  }
  await settle()
  return opened
}

export const crlf = (text: string): string => text.replace(/\n/g, '\r\n')
export const lines = (out: string): string[] => out.split('\r\n').slice(1, -1)
