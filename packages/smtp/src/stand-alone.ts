import type { Readable, Writable } from 'node:stream'
import { sharedWheel } from '@posthorn/net'
import type { SmtpHandler, SmtpSession } from './handler.ts'
import { defaultSmtpOptions, type SmtpOptions } from './options.ts'
import { Session } from './session/session.ts'

export interface StandAloneInput {
  readonly handler: SmtpHandler
  readonly options: Partial<SmtpOptions> & Pick<SmtpOptions, 'hostname'>
  readonly input: Readable
  readonly output: Writable
  readonly fault: (error: unknown) => void
}

/**
 * One session without a network, for whoever has started this program; there is no TLS. Resolves when it is over, by
 * QUIT or because the input has ended. Postfix: smtpd(8), stand-alone mode.
 */
export async function serveStreams(given: StandAloneInput): Promise<void> {
  const { handler, input, output } = given
  const peer = localClient()
  const wheel = sharedWheel()
  const { promise, resolve } = Promise.withResolvers<void>()
  const session = new Session(
    peer,
    {
      handler,
      options: { ...defaultSmtpOptions, ...given.options, tlsLevel: 'none', auth: 'disabled' },
      tlsAvailable: false,
      closing: false,
      now: () => wheel.nowMs,
      schedule: (alarm) => wheel.schedule(alarm),
      cancel: (alarm) => wheel.cancel(alarm),
      fault: (_session, error) => given.fault(error),
    },
    {
      write: (text) => void output.write(text),
      startTls: () => resolve(),
      end: () => resolve(),
      acknowledge: () => undefined,
      resume: () => void input.resume(),
    },
  )
  try {
    input.on('data', (chunk: Buffer) => {
      if (!session.push(chunk)) input.pause()
    })
    input.once('end', () => session.inputEnded())
    for (const stream of [input, output]) stream.once('error', () => resolve())
    session.greet(await handler.connect(peer))
    await promise
  } finally {
    session.lost()
    input.destroy()
  }
}

/** As smtpd(8) calls whoever speaks over a pipe. */
const localClient = (): SmtpSession => ({
  id: '1',
  service: 'mx',
  clientAddress: '127.0.0.1',
  clientPort: 0,
  localAddress: '127.0.0.1',
  localPort: 0,
  clientName: 'localhost',
  helo: '',
  protocol: 'SMTP',
  tls: undefined,
  user: undefined,
  trusted: true,
})
