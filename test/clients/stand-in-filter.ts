import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface FilterWays {
  readonly ehlo?: string
  /** The answer to a command; undefined: the usual one. */
  readonly answer?: (line: string) => string | undefined
  /** Each message; the answer to its final dot. */
  readonly judge: (message: string) => Promise<string> | string
}

/** A filter's side of SMTP, a line at a time; what it hears is kept. */
export async function standInFilter(ways: FilterWays) {
  const heard: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('close', () => heard.push('(closed)'))
    let text = ''
    let message: string[] | undefined
    const hear = (line: string): void => {
      if (message !== undefined && line !== '.') {
        message.push(line)
        return
      }
      if (message !== undefined) {
        const whole = message.join('\r\n')
        message = undefined
        void Promise.resolve(ways.judge(whole)).then((said) => socket.write(`${said}\r\n`))
        return
      }
      heard.push(line)
      const said = ways.answer?.(line) ?? usual(line, ways)
      if (said.startsWith('354')) message = []
      socket.write(`${said}\r\n`)
      if (line === 'QUIT') socket.end()
    }
    socket.write('220 filter ready\r\n')
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        hear(line)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    heard,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: (): void => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The same, until a test has ended. */
export async function startFilter(t: TestContext, ways: FilterWays) {
  const filter = await standInFilter(ways)
  t.after(filter.close)
  return filter
}

const usual = (line: string, { ehlo }: FilterWays): string => {
  if (line.startsWith('EHLO')) return ehlo ?? '250 filter'
  if (line === 'DATA') return '354 go on'
  return line === 'QUIT' ? '221 bye' : '250 2.0.0 fine'
}
