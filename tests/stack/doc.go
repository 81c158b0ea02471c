// Package stack checks docker-compose.yml and its files without a container engine:
// the file by the library that Docker reads it with, the configuration files by the
// programs that they are for, and the command lines of the services by running them
// against a real PostgreSQL, a real Redis and a Kafka in this process.
package stack
