import { createSmtpService, type SmtpHandler, type SmtpTransaction } from '@posthorn/smtp'

const ok = { code: 250, status: '2.0.0', text: 'Ok' } as const

const swallow: SmtpTransaction = {
  queueId: '',
  rcpt: () => ok,
  data: () => ({ code: 354, text: 'Go on' }),
  write: () => undefined,
  end: () => ok,
  abort: () => undefined,
}

const handler: SmtpHandler = {
  connect: () => ({ code: 220, text: 'sink.invalid ESMTP', greetWaitMs: 0 }),
  helo: () => undefined,
  authenticate: () => ({ ok: false, reply: { code: 535, status: '5.7.8', text: 'Nobody' } }),
  mail: () => ({ reply: ok, transaction: swallow }),
  vrfy: () => ok,
  expn: () => ok,
  etrn: () => ok,
  disconnect: () => undefined,
  note: () => undefined,
}

/** A server for mail that leaves; it keeps none. */
export async function openMailSink(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const service = createSmtpService({ handler, options: { hostname: 'sink.invalid' }, log: () => undefined })
  const { port } = await service.listen({ service: 'mx', host: '127.0.0.1', port: 0 })
  return { port, close: async () => await service.close('now') }
}
