import { fillIn, matchLine, type Variables } from './pattern.ts'
import { type Script, ScriptError, type Step } from './script.ts'
import { type Cut, SessionClient } from './session-client.ts'

type StepOf<K extends Step['kind']> = Extract<Step, { readonly kind: K }>

/** Plays a POP3 or SMTP script: lines of `C:` that follow each other leave in one packet. */
export async function playDialogue(
  script: Script,
  port: number,
  variables: Variables,
  cut: Cut,
): Promise<void> {
  const clients = new Map<number, SessionClient>()
  try {
    for (let at = 0; at < script.steps.length; )
      at = await playStep(script, at, port, variables, cut, clients)
  } finally {
    for (const client of clients.values()) client.destroy()
  }
}

async function playStep(
  script: Script,
  at: number,
  port: number,
  variables: Variables,
  cut: Cut,
  clients: Map<number, SessionClient>,
): Promise<number> {
  const step = script.steps[at]!
  let client = clients.get(step.connection)
  if (client === undefined) {
    client = await SessionClient.connect(port, { cut, timeoutMs: 10_000, literals: 'lines' })
    clients.set(step.connection, client)
  }
  if (step.kind === 'send') return sendBatch(script, at, client, variables)
  if (step.kind === 'act') await act(client, step)
  else if (step.kind === 'expect') await expectLine(client, step, variables)
  else return await expectAmong(script, at, client, variables)
  return at + 1
}

/** Everything the client says before it listens again is one write. */
function sendBatch(script: Script, at: number, client: SessionClient, variables: Variables): number {
  const { connection } = script.steps[at]!
  const batch: Buffer[] = []
  for (; at < script.steps.length; at++) {
    const step = script.steps[at]!
    if (step.kind !== 'send' || step.connection !== connection) break
    batch.push(Buffer.from(fillIn(step.octets.toString('latin1'), variables), 'latin1'))
  }
  void client.send(Buffer.concat(batch))
  return at
}

export async function act(client: SessionClient, step: StepOf<'act'>): Promise<void> {
  if (step.act === 'tls') await client.startTls()
  else if (step.act === 'reset') await client.reset()
  else if (step.act === 'end') await client.end()
  else {
    const line = await client.line()
    if (line !== undefined)
      throw new ScriptError(step.line, `expected the server to close, got ${JSON.stringify(line)}`)
  }
}

async function expectLine(
  client: SessionClient,
  step: StepOf<'expect'>,
  variables: Variables,
): Promise<void> {
  const line = await readLine(client, step)
  if (!matchLine(step.pattern, line, variables, 'exact'))
    throw new ScriptError(step.line, `expected ${JSON.stringify(step.pattern)}, got ${JSON.stringify(line)}`)
}

/** `S~` and `S!` lines, up to the `S:` that ends them. */
async function expectAmong(
  script: Script,
  from: number,
  client: SessionClient,
  variables: Variables,
): Promise<number> {
  let at = from
  const wanted: StepOf<'among' | 'not-among'>[] = []
  for (; script.steps[at]?.kind === 'among' || script.steps[at]?.kind === 'not-among'; at++)
    wanted.push(script.steps[at] as StepOf<'among' | 'not-among'>)
  const last = script.steps[at]
  if (last?.kind !== 'expect') throw new ScriptError(wanted[0]!.line, 'S~ and S! need an S: that ends them')
  const seen: string[] = []
  for (;;) {
    const line = await readLine(client, last)
    if (matchLine(last.pattern, line, variables, 'exact')) break
    seen.push(line)
  }
  for (const { kind, pattern, line } of wanted) {
    const there = seen.some((one) => matchLine(pattern, one, variables, 'exact'))
    if (there !== (kind === 'among'))
      throw new ScriptError(
        line,
        `${there ? 'unwanted' : 'missing'} ${JSON.stringify(pattern)} among ${JSON.stringify(seen)}`,
      )
  }
  return at + 1
}

async function readLine(client: SessionClient, step: Step): Promise<string> {
  try {
    const line = await client.line()
    if (line !== undefined) return line
  } catch (error) {
    throw new ScriptError(step.line, (error as Error).message)
  }
  throw new ScriptError(step.line, 'the server closed the connection')
}
