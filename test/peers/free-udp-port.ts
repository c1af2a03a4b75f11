import { createSocket } from 'node:dgram'
import { freePort } from '../free-port.ts'

/** For a DNS server that must be told its port, and takes it for both: UDP and TCP. */
export async function freeUdpPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (await canBindUdp(port)) return port
  }
}

async function canBindUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return await new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
