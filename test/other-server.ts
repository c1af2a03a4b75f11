import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** One mail, as another server got it. */
export interface Heard {
  /** Empty for `<>`. */
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
}

export interface OtherServer {
  readonly port: number
  /** In order of arrival; text as latin1. */
  readonly heard: readonly Heard[]
  close(): Promise<void>
}

interface Place {
  readonly host?: string
  readonly port?: number
}

/** A server of another program: takes what comes, and tells. `onMail` before it answers; what it throws is the answer. */
export async function startOtherServer(
  onMail: (mail: Heard) => Promise<void> | void = () => {},
  options: SMTPServerOptions = {},
  { host = '127.0.0.1', port = 0 }: Place = {},
): Promise<OtherServer> {
  const heard: Heard[] = []
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, { envelope: { mailFrom, rcptTo } }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const mail = {
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString('latin1'),
        }
        heard.push(mail)
        try {
          await onMail(mail)
          done()
        } catch (error) {
          done(error as Error)
        }
      })
    },
    ...options,
  })
  // Who breaks off is part of the tests.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  return {
    port: (server.server.address() as AddressInfo).port,
    heard,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
