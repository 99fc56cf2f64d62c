// Run once, without a password, when the volume of MongoDB is empty.
//
// The application reads and writes its own database, and makes its collections and indexes; it is
// no administrator. Whoever only reads what it writes gets the role "read" likewise.

if (!process.env.MONGODB_PASSWORD) {
  throw new Error("MONGODB_PASSWORD is empty: set it, remove the volume, and start again.");
}
db.createUser({
  user: "stockroom",
  pwd: process.env.MONGODB_PASSWORD,
  roles: [{ role: "readWrite", db: db.getName() }],
});
