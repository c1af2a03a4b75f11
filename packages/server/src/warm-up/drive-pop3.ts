import { LineExchange } from '@posthorn/net'
import { type ScratchServer, scratchUser } from './scratch-server.ts'

type Turn = () => Promise<void>

/** A client fetches its mail, message by message and then many at once. */
export async function drivePop3(
  server: ScratchServer,
  turn: Turn,
  { rounds, messages }: { readonly rounds: number; readonly messages: number },
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const client = await LineExchange.open({ host: '127.0.0.1', port: server.ports.pop3, timeoutMs: 10_000 })
    const say = async (commands: string, last: string): Promise<void> => {
      await turn()
      await client.ask(commands, last)
    }
    try {
      await client.ask('', '+OK')
      await say(`USER ${scratchUser}\r\n`, '+OK')
      await say(`PASS ${server.password}\r\n`, '+OK')
      await say('STAT\r\n', '+OK')
      await say('LIST\r\n', '.\r\n')
      await say('UIDL\r\n', '.\r\n')
      for (let n = 1; n <= messages; n++) await say(`RETR ${n}\r\n`, '.\r\n')
      for (let n = 1; n <= messages; n += 4) await say(`TOP ${n} 5\r\n`, '.\r\n')
      await say('QUIT\r\n', '+OK')
    } finally {
      client.close()
    }
  }
}
