import { rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'

/**
 * Both ends of one connection within this machine, for two processes that are to be handed one each: paused, so that this one
 * reads nothing that is meant for them. It is made through a
 * socket at `path`, which only the owner may connect to, and which is gone afterwards. One call at a time for each path.
 * @throws what cannot be made at `path`
 */
export async function socketPair(path: string): Promise<readonly [Socket, Socket]> {
  rmSync(path, { force: true })
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const server = createServer({ pauseOnConnect: true }, resolve)
  server.on('error', reject)
  // The file is made before listen() returns: at no moment may others connect.
  const before = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
  const near = createConnection(path)
  near.pause()
  near.on('error', reject)
  try {
    const far = await promise
    near.off('error', reject)
    return [near, far]
  } catch (error) {
    near.destroy()
    throw error
  } finally {
    server.close()
  }
}
