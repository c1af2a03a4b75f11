export { HeldSocket } from './held-socket.ts'
export { LineSocket } from './line-socket.ts'
