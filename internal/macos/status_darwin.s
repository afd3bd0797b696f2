//go:build keychainstatus && !ios

#include "textflag.h"

TEXT macos_SecKeychainGetStatus_trampoline<>(SB),NOSPLIT,$0-0
	JMP	macos_SecKeychainGetStatus(SB)
GLOBL	·getStatusAddress(SB), RODATA, $8
DATA	·getStatusAddress(SB)/8, $macos_SecKeychainGetStatus_trampoline<>(SB)
