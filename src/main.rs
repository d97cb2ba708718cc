//! The door of the house; everything is in the library.

/// A hit is a dozen small pieces of memory that come and go on several threads; the system's allocator takes a tenth of the
/// collector's time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    waxseal::cli::main()
}
