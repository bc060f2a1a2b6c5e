//! Returns its input: the least that a task can do. Without std and without a manifest it imports nothing, so it shows
//! what the platform itself costs.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod guest {
    extern crate alloc;

    use core::alloc::{GlobalAlloc, Layout};
    use core::sync::atomic::{AtomicUsize, Ordering};

    wit_bindgen::generate!({ path: "../../../wit", world: "wharf:task/task" });

    struct Noop;

    impl Guest for Noop {
        fn run(input: Payload) -> Result<Payload, TaskError> {
            Ok(input)
        }
    }

    export!(Noop);

    /// Hands out memory upwards and takes none back: an instance runs once.
    struct Bump(AtomicUsize);

    const PAGE: usize = 64 << 10;

    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let memory = core::arch::wasm32::memory_size(0) * PAGE;
            let next = match self.0.load(Ordering::Relaxed) {
                0 => memory,
                next => next,
            };
            let Some(start) = next.checked_next_multiple_of(layout.align()) else { return core::ptr::null_mut() };
            let Some(end) = start.checked_add(layout.size()) else { return core::ptr::null_mut() };
            if end > memory && core::arch::wasm32::memory_grow(0, (end - memory).div_ceil(PAGE)) == usize::MAX {
                return core::ptr::null_mut();
            }
            self.0.store(end, Ordering::Relaxed);
            start as *mut u8
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static ALLOCATOR: Bump = Bump(AtomicUsize::new(0));

    /// The canonical ABI's way to ask for memory; with std it comes from the C library.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
        let Ok(layout) = Layout::from_size_align(new_len, align) else { core::arch::wasm32::unreachable() };
        let new = unsafe { alloc::alloc::alloc(layout) };
        if new.is_null() {
            core::arch::wasm32::unreachable();
        }
        unsafe { core::ptr::copy_nonoverlapping(old, new, old_len.min(new_len)) };
        new
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }
}
