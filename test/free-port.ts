import { createServer } from 'node:net'

/** Below the ports that outgoing connections and listeners on port 0 get: nobody takes one before its server does. */
const first = 10_000
const count = 22_000

/** Nobody listens on it now. */
export async function canBind(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** A port of 127.0.0.1 for a server that must be told its port. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * count)
    if (await canBind(port)) return port
  }
}

/** So many, all different. */
export async function freePorts(wanted: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < wanted) ports.add(await freePort())
  return [...ports]
}
