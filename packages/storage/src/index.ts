export * from './contract.ts'
export { openStore } from './open-store.ts'
