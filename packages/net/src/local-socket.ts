/**
 * Questions and answers over a Unix socket: one line of JSON each way, for the commands that talk to a
 * running server. Only its owner reaches it unless it is for everybody.
 */
import { rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'

const maxLineBytes = 65_536
const idleMs = 30_000
/** Of everybody's socket: one user must not take all descriptors of the server. */
const maxStrangers = 64

export interface LocalServer {
  close(): Promise<void>
}

/** Calls `each` with one complete line after the other; a line without an end within the limit drops the connection. */
function onLines(
  socket: Socket,
  each: (line: string) => void | Promise<void>,
  limitBytes = maxLineBytes,
): void {
  let pending = ''
  let isBusy = false
  let isOver = false
  const work = async (): Promise<void> => {
    isBusy = true
    let end = pending.indexOf('\n')
    for (; end >= 0 && !socket.destroyed; end = pending.indexOf('\n')) {
      const line = pending.slice(0, end)
      pending = pending.slice(end + 1)
      await each(line)
    }
    isBusy = false
    if (pending.length > limitBytes) socket.destroy()
    else if (isOver) socket.end()
    else socket.resume()
  }
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    pending += chunk
    // Who asks without end, or does not read, waits with his questions.
    socket.pause()
    void work()
  })
  // Told while the lines before it are still being answered, too.
  socket.on('end', () => {
    isOver = true
    if (!isBusy) socket.end()
  })
}

/** Resolves when the client has room for more, or is gone. */
async function say(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed || socket.write(text)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

/** Is somebody answering at `path`? A socket file without a listener is left over from a killed server. */
export async function localSocketAnswers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Serves `answer` at `path`: mode 600, or 666 for `everybody`. Replaces a left-over socket file. Rejects when it cannot listen. */
export async function serveLocalSocket(
  path: string,
  answer: (question: unknown) => Promise<unknown>,
  access: 'owner' | 'everybody' = 'owner',
): Promise<LocalServer> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.setTimeout(idleMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    onLines(socket, async (line) => say(socket, `${await reply(line, answer)}\n`))
  })
  if (access === 'everybody') server.maxConnections = maxStrangers
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // The file is made before listen() returns: at no moment may others connect.
    const before = process.umask(access === 'owner' ? 0o177 : 0o111)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        server.on('error', () => {})
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
  return {
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.end()
      })
      rmSync(path, { force: true })
    },
  }
}

async function reply(line: string, answer: (question: unknown) => Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify((await answer(JSON.parse(line))) ?? null)
  } catch (error) {
    return JSON.stringify({ error: error instanceof Error ? error.message : String(error) })
  }
}

/**
 * Asks the server at `path` one question. Rejects with the socket's error (ENOENT, ECONNREFUSED: nobody
 * is there) or when no answer comes within `timeoutMs`.
 */
export async function askLocalSocket(
  path: string,
  question: unknown,
  timeoutMs: number,
  maxAnswerBytes = maxLineBytes,
): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer from ${path} in ${timeoutMs} ms`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`${path} closed without an answer`)))
    socket.once('connect', () => socket.write(`${JSON.stringify(question)}\n`))
    onLines(
      socket,
      (line) => {
        try {
          resolve(JSON.parse(line))
        } catch (error) {
          reject(error)
        }
        socket.end()
      },
      maxAnswerBytes,
    )
  })
}
