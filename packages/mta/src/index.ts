export * from './policy/index.ts'
export * from './receive/index.ts'
export * from './routing/index.ts'
export * from './tables/index.ts'
